/**
 * Merges the metrics of several workers (Prometheus text exposition format 0.0.4). Each metric family appears once, followed by the samples
 * of all workers. Each sample gets a label `worker`. Merging is needed because a scrape reaches only one process, but must return the
 * metrics of all.
 */

interface Family {
  readonly comments: readonly string[];
  readonly samples: string[];
}

/** Merges metrics. @param texts the metrics of each worker, by worker number */
export function mergeMetrics(texts: ReadonlyMap<number, string>): string {
  const families = new Map<string, Family>();
  for (const [worker, text] of texts) {
    let comments: string[] = [];
    let family: Family | undefined;
    for (const line of text.split('\n')) {
      if (line.startsWith('# HELP ')) comments = [line];
      else if (line.startsWith('# TYPE ')) {
        const name = line.split(' ')[2] ?? '';
        family = families.get(name) ?? { comments: [...comments, line], samples: [] };
        families.set(name, family);
      } else if (line !== '' && !line.startsWith('#')) family?.samples.push(withWorker(line, worker));
    }
  }
  const lines = [...families.values()].flatMap(({ comments, samples }) => [...comments, ...samples]);
  return `${lines.join('\n')}\n`;
}

function withWorker(sample: string, worker: number): string {
  const [, name = '', labels = '', rest = ''] = /^([A-Za-z_:][\w:]*)(?:\{(.*)\})? (.*)$/.exec(sample) ?? [];
  const others = labels.replace(/,$/, '');
  return `${name}{worker="${worker}"${others === '' ? '' : `,${others}`}} ${rest}`;
}
