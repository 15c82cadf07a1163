"""How good a prediction was: metrics as pure functions, bootstrap intervals, and the rolling backtest."""
