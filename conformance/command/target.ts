/** Reads the target from the command line and the configuration file. */
import { ConfigError, readConfig, readConfigFile } from '../target/config.ts';
import type { TargetConfig } from '../target/config.ts';
import { UsageError } from './terminal.ts';

export interface TargetFlags {
  readonly url?: string;
  readonly httpUrl?: string;
  readonly config?: string;
  readonly stimulus?: string;
}

/** @throws {ConfigError} when the configuration is invalid; the message names the file */
export function targetOf({ url, httpUrl, stimulus, config }: TargetFlags): TargetConfig {
  if (url === undefined && config === undefined)
    throw new UsageError('No gateway given: use --url ws://127.0.0.1:7400/ws, or --config FILE.');
  const over = {
    ...(url === undefined ? {} : { url }),
    ...(httpUrl === undefined ? {} : { httpUrl }),
    ...(stimulus === undefined ? {} : { stimulus }),
  };
  try {
    return readConfig(config === undefined ? {} : readConfigFile(config), over);
  } catch (cause) {
    if (!(cause instanceof ConfigError) || config === undefined || cause.message.startsWith(config)) throw cause;
    throw new ConfigError(`${config}: ${cause.message}`, { cause });
  }
}
