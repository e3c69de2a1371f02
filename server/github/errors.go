package github

// Error implements error.
func (e *Error) Error() string { panic("contract") }

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }
