/**
 * Trains one leg in a process of its own, as the trainer does, and prints as JSON what it took: its
 * spec and the folder of its store are the arguments.
 */
import { configureProcess } from '../learning/engine/environment.ts';
import { openFolderStore } from '../stores/folder.ts';
import type { TrainSpec } from '../study/spec.ts';
import { createRunner } from './runner.ts';

const KIBIBYTE = 2 ** 10;

/** What the process says at its end. */
export type LegCost = { readonly peakRssBytes: number; readonly seconds: number };

const [folder = '', spec = ''] = process.argv.slice(2);
const { device, ...rest } = JSON.parse(spec) as TrainSpec;
configureProcess(device);
const run = await createRunner(openFolderStore(folder), folder);
const { seconds } = await run({ ...rest, device });
const cost: LegCost = { peakRssBytes: process.resourceUsage().maxRSS * KIBIBYTE, seconds };
process.stdout.write(`${JSON.stringify(cost)}\n`);
