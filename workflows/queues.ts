/** Workflows and short activities. */
export const STUDY_QUEUE = 'kdx';
/** Legs: a worker takes as many as it has slots. */
export const LEG_QUEUE = 'kdx-legs';
/** Reports and MLflow: whatever they wait for holds nothing else up. */
export const OUTPUT_QUEUE = 'kdx-io';
