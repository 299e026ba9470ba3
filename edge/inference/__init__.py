"""TFLite runtimes behind one adapter, model manifests, and the bundle of models that a terminal uses."""
