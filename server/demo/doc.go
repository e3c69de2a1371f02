// Package demo is the whole story on one machine: a GitHub of its own with a
// small fleet and four pull requests, and the App at work on it.
//
// In go lines that a person types (or a prepared walk); out come texts as a
// person would see them on GitHub. Nothing leaves loopback, and Close leaves
// nothing behind.
package demo
