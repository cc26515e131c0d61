"""Who calls us: the command topic, the runner's loop, the rescue's timer."""
