;; Has the host's answer put past the end of its memory. expect: trap: out of bounds
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-hash" (func $hash (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $hash (local.get 0) (i32.const -4))
    (i32.const 768))
