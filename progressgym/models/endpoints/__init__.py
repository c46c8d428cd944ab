"""Models behind an OpenAI-compatible endpoint: vLLM, SGLang, llama.cpp, and any other server of that protocol."""
