// Package peer holds what the program is compared with: twenty of its rules,
// written as somebody would write them for conftest, which sees one object of
// a rendered root at a time. They ask the same of the same objects; what needs
// more than one object, masked secrets or placeholders, conftest cannot know,
// and they leave it out.
package peer
