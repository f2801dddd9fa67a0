"""The wire protocols of Google: Imagen (`predict`) and Gemini (`generateContent`)."""
