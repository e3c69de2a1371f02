// Package sandbox builds the walls around a render child: what the process
// can no longer do, whatever the repository makes it run.
//
// Two sides use it. The parent starts a child with [Start], in namespaces of
// its own where the kernel lets it. The child calls [Enter] before it reads
// anything, [Keep] once it knows its limits, and [Renew] before each piece of
// work. Out come [wire.Wall] values: each measure with whether it holds here
// and now, measured rather than assumed, because kernels and containers differ
// in what they permit. A wall that does not hold is said and is no error.
//
// What must stay true: walls are only ever added, never taken down, and
// nothing here depends on the content of a repository.
package sandbox
