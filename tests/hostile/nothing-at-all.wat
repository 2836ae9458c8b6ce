;; Reads, writes, scans and deletes the empty key. expect: ok: guest
  (import "watchfire:detector/state@0.1.0" "get" (func $get (param i32 i32 i32)))
  (import "watchfire:detector/state@0.1.0" "delete" (func $delete (param i32 i32)))
  (import "watchfire:detector/state@0.1.0" "scan" (func $scan (param i32 i32 i32 i32 i32 i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $put (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
    (call $get (i32.const 0) (i32.const 0) (i32.const 3072))
    (call $scan (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 3072))
    (call $delete (i32.const 0) (i32.const 0))
    (i32.const 768))
