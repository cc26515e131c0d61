"""The live stream: one feed of changes for the process, windows of rendered events, and the story of each reader."""
