"""From a recipe to a trained model: batches, optimizers, schedules, the trainer and its memory of the past."""
