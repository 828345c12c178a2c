"""The forging suite: wrong solutions that try to be judged right, as data, and right ones in unusual style."""
