package manifest

var testKey = Key("test")
