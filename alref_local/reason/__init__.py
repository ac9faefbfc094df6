"""Reasoning: what is asked of a multimodal LLM, in which words, how replies are read, and who answers."""
