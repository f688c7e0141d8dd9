"""Where events come from; a source yields events and knows nothing of delivery."""
