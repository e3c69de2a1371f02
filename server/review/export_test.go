package review

// For tests outside.
var (
	Encode = encode
	Decode = decode
	Reason = reason
)
