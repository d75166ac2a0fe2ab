/** Runs only the hostile pack: `node conformance/command/hostile-main.ts --url ws://127.0.0.1:7400/ws`. */
import { Command } from 'commander';
import { configureHostile } from './hostile.ts';

await configureHostile(new Command('hostile')).parseAsync();
