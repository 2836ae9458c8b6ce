;; Has the host write numbers to an odd place. expect: trap: aligned
  (import "watchfire:detector/batches@0.1.0" "[method]batch.due-ticks" (func $ticks (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (call $ticks (local.get 0) (i32.const 3072))
    (i32.const 768))
  ;;; realloc
  (func $realloc (param i32 i32 i32 i32) (result i32) (i32.const 65537))
