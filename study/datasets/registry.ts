import { CIFAR10 } from './cifar10.ts';
import { CIFAR100 } from './cifar100.ts';
import { DIGITS } from './digits.ts';

/** All datasets that a study may name. A new one is a file beside this one, and a line here. */
export const DATASETS = { digits: DIGITS, cifar10: CIFAR10, cifar100: CIFAR100 };
