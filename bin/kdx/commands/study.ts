import { Command } from 'commander';
export function studyCommand(): Command {
  return new Command('study');
}
