/** Options that several commands have. */
import { Option } from 'commander';
import { collect } from './option-values.ts';

export function configOption(): Option {
  return new Option(
    '--config <file>',
    'JSON file with the address of the gateway, the stimulus, the credentials and the control commands',
  );
}

export function stimulusOption(): Option {
  return new Option(
    '--stimulus <port>',
    'how the suite makes the gateway emit events: auto, inband, http, exec:COMMAND, fs:DIRECTORY or none',
  );
}

export function contractOption(): Option {
  return new Option(
    '--contract <path>',
    'also check your own events against the schemas of this contract: a file with x-extends, or the directory that `tidemark contract build` wrote',
  );
}

export function reportOption(): Option {
  return new Option(
    '--report <format=file>',
    'write a report in the format text, json, junit, tap, md, html, ctrf or github; a FILE of - means standard output',
  )
    .default([], 'none')
    .argParser(collect);
}

export function knownFailingOption(): Option {
  return new Option(
    '--known-failing <file>',
    'file with the ids of checks that are expected to fail, one per line; these checks still run, and the run fails if one of them passes or is N/A',
  );
}
