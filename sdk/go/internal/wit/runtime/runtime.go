// Package runtime is what the generated bindings allocate by. Go moves nothing, so that all it takes for the host's bytes to
// stay is a reference, kept until the next call into the guest.
package runtime

import (
	"runtime"
	"unsafe"
)

// Handle is a resource's place in the table of the host.
type Handle struct{ value int32 }

// MakeHandle wraps what the host gave.
func MakeHandle(value int32) *Handle { return &Handle{value} }

// Use gives the place.
func (h *Handle) Use() int32 {
	if h.value == 0 {
		panic("the handle is gone")
	}
	return h.value
}

// Take gives the place away.
func (h *Handle) Take() int32 {
	value := h.Use()
	h.value = 0
	return value
}

// Set is for a handle whose place was given away.
func (h *Handle) Set(value int32) { h.value = value }

// TakeOrNil gives the place away, or 0.
func (h *Handle) TakeOrNil() int32 {
	value := h.value
	h.value = 0
	return value
}

// Allocate gives memory that stays until it is unpinned.
func Allocate(pinner *runtime.Pinner, size, align uintptr) unsafe.Pointer {
	if size == 0 {
		return nil
	}
	pointer := room(size)
	pinner.Pin(pointer)
	return pointer
}

// room is of words, so that it suits any alignment of the interface.
func room(size uintptr) unsafe.Pointer {
	return unsafe.Pointer(unsafe.SliceData(make([]uint64, (size+7)/8)))
}

var kept []unsafe.Pointer

// Release lets go of what the host put here during the last call.
func Release() {
	clear(kept)
	kept = kept[:0]
}

// Unpin is asked for by the bindings where the host's bytes were copied; Release does it for all at once.
func Unpin() {}

//go:wasmexport cabi_realloc
func cabiRealloc(old unsafe.Pointer, oldSize, align, size uintptr) unsafe.Pointer {
	if size == 0 {
		return unsafe.Pointer(align)
	}
	pointer := room(size)
	if oldSize > 0 {
		copy(unsafe.Slice((*byte)(pointer), size), unsafe.Slice((*byte)(old), oldSize))
	}
	kept = append(kept, pointer)
	return pointer
}
