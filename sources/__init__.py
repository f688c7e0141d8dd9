"""Sources of events; a source yields events and knows nothing of delivery."""
