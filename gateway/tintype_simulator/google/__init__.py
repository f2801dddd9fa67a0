"""A simulated Gemini API and Vertex AI: Imagen and Gemini."""
