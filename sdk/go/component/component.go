// Package component makes the program that imports it a component:
//
//	import _ "watchfire.dev/sdk/component"
package component

import _ "watchfire.dev/sdk/bindings/wit_exports"
