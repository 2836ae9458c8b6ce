// Package wit_types has the interface's generic types for the generated bindings.
package wit_types

// Tags of an option and a result.
const (
	OptionNone = 0
	OptionSome = 1
	ResultOk   = 0
	ResultErr  = 1
)

// Unit is nothing.
type Unit struct{}

// Option is a value or none.
type Option[T any] struct {
	value *T
}

// None is no value.
func None[T any]() Option[T] { return Option[T]{} }

// Some is a value.
func Some[T any](value T) Option[T] { return Option[T]{&value} }

// Tag says which.
func (o Option[T]) Tag() uint8 {
	if o.value == nil {
		return OptionNone
	}
	return OptionSome
}

// Some gives the value; there must be one.
func (o Option[T]) Some() T { return *o.value }

// Result is a value or an error.
type Result[T, E any] struct {
	tag   uint8
	value T
	err   E
}

// Ok is a value.
func Ok[T, E any](value T) Result[T, E] { return Result[T, E]{tag: ResultOk, value: value} }

// Err is an error.
func Err[T, E any](err E) Result[T, E] { return Result[T, E]{tag: ResultErr, err: err} }

// Tag says which.
func (r Result[T, E]) Tag() uint8 { return r.tag }

// Ok gives the value.
func (r Result[T, E]) Ok() T { return r.value }

// Err gives the error.
func (r Result[T, E]) Err() E { return r.err }

// Tuple2 is a pair.
type Tuple2[A, B any] struct {
	F0 A
	F1 B
}
