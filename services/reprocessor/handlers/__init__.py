"""What happens, in order: `accepting` stores a command, `reprocessing` is the story of a slice, `rescuing` tidies up."""
