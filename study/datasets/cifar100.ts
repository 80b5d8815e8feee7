import type { DatasetInfo } from '../catalog.ts';

/** Fine classes by their superclass, in the order of the coarse labels (Krizhevsky, 2009). */
const SUPERCLASSES = {
  'aquatic mammals': ['beaver', 'dolphin', 'otter', 'seal', 'whale'],
  fish: ['aquarium fish', 'flatfish', 'ray', 'shark', 'trout'],
  flowers: ['orchid', 'poppy', 'rose', 'sunflower', 'tulip'],
  'food containers': ['bottle', 'bowl', 'can', 'cup', 'plate'],
  'fruit and vegetables': ['apple', 'mushroom', 'orange', 'pear', 'sweet pepper'],
  'household electrical devices': ['clock', 'keyboard', 'lamp', 'telephone', 'television'],
  'household furniture': ['bed', 'chair', 'couch', 'table', 'wardrobe'],
  insects: ['bee', 'beetle', 'butterfly', 'caterpillar', 'cockroach'],
  'large carnivores': ['bear', 'leopard', 'lion', 'tiger', 'wolf'],
  'large man-made outdoor things': ['bridge', 'castle', 'house', 'road', 'skyscraper'],
  'large natural outdoor scenes': ['cloud', 'forest', 'mountain', 'plain', 'sea'],
  'large omnivores and herbivores': ['camel', 'cattle', 'chimpanzee', 'elephant', 'kangaroo'],
  'medium-sized mammals': ['fox', 'porcupine', 'possum', 'raccoon', 'skunk'],
  'non-insect invertebrates': ['crab', 'lobster', 'snail', 'spider', 'worm'],
  people: ['baby', 'boy', 'girl', 'man', 'woman'],
  reptiles: ['crocodile', 'dinosaur', 'lizard', 'snake', 'turtle'],
  'small mammals': ['hamster', 'mouse', 'rabbit', 'shrew', 'squirrel'],
  trees: ['maple tree', 'oak tree', 'palm tree', 'pine tree', 'willow tree'],
  'vehicles 1': ['bicycle', 'bus', 'motorcycle', 'pickup truck', 'train'],
  'vehicles 2': ['lawn mower', 'rocket', 'streetcar', 'tank', 'tractor'],
} as const;

/** Fine labels number the classes by name. */
const CLASSES = Object.values(SUPERCLASSES).flat().toSorted();

export const CIFAR100 = {
  classes: 100,
  imageSize: 32,
  labelBytes: 2,
  classNames: CLASSES,
  superclasses: Object.entries(SUPERCLASSES).map(([name, members]) => ({
    name,
    classes: members.map((member) => CLASSES.indexOf(member)),
  })),
  trainImages: 50_000,
  testImages: 10_000,
  presets: {
    paper: { mean: [0.5071, 0.4867, 0.4408], std: [0.2675, 0.2565, 0.2761] },
    correct: {
      mean: [0.50707516, 0.48654887, 0.44091784],
      std: [0.26733429, 0.25643846, 0.27615047],
    },
  },
} as const satisfies DatasetInfo;
