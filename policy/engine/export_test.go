package engine

import "time"

// SetPatience is for tests that measure and must not be stopped on a busy machine.
func (e *Engine) SetPatience(d time.Duration) { e.patience = d }
