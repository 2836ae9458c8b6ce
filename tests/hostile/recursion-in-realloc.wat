;; Is asked for memory, and asks itself. expect: stack: deeper than its stack
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-hash" (func $hash (param i32 i32)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (global.set $heap (i32.const -1))
    (call $hash (local.get 0) (i32.const 3072))
    (i32.const 768))
  ;;; realloc
  (func $realloc (param i32 i32 i32 i32) (result i32)
    (if (i32.ne (global.get $heap) (i32.const -1)) (then (return (i32.const 65536))))
    (i32.add (i32.const 1) (call $realloc (local.get 0) (local.get 1) (local.get 2) (local.get 3))))
