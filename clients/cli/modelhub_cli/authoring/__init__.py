"""Makes catalog entries from models: local files, folders, repositories of Hugging Face."""
