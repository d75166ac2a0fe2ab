/** `node conformance/main.ts`: the suite by itself, without the gateway. */
import { Command } from 'commander';
import { registerConformance } from './cli.ts';

const program = new Command('conformance').description('Judges gateways by the contract.');
registerConformance(program);
await program.parseAsync();
