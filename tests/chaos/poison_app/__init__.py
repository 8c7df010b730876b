"""An app whose processes do everything a step must not do; installed only by chaos runs."""
