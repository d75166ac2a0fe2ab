/** A broker listener for tests. */
import type { BrokerHealth, BrokerListener, EventRecord, SourceLoss, StreamLoss } from '../broker.ts';

/** Records all calls in order. */
export class RecordingListener implements BrokerListener {
  readonly nodeId = 'recording';
  readonly events: EventRecord[] = [];
  readonly losses: StreamLoss[] = [];
  readonly unnamedLosses: string[] = [];
  readonly sourceLosses: SourceLoss[] = [];
  readonly ended: string[] = [];
  readonly health: BrokerHealth[] = [];

  onEvent(record: EventRecord): void {
    this.events.push(record);
  }

  onLoss(loss: StreamLoss): void {
    this.losses.push(loss);
  }

  onUnnamedLoss(pattern: string): void {
    this.unnamedLosses.push(pattern);
  }

  onSourceLoss(loss: SourceLoss): void {
    this.sourceLosses.push(loss);
  }

  onEnded(stream: string): void {
    this.ended.push(stream);
  }

  onHealth(health: BrokerHealth): void {
    this.health.push(health);
  }

  onQuestion(): undefined {
    // This listener answers no questions.
  }

  sequenceIds(stream: string): number[] {
    return this.events.filter((record) => record.stream === stream).map((record) => record.sequenceId);
  }
}
