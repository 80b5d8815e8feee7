/** TensorFlow itself, loaded after the environment is set; everything else imports `backend.ts`. */
import './prepare.ts';

export * as tf from '@tensorflow/tfjs-node';
