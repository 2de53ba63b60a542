def demo(): "demo"
