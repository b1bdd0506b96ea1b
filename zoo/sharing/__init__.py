"""Published records -> a static mirror, or a repository on the Hugging Face Hub."""
