;; Asks a batch that nobody gave it. expect: trap: unknown handle index
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-number" (func $number (param i32) (result i64)))
  ;;; on-batch
  (func $on-batch (param i32) (result i32)
    (drop (call $number (i32.const 12345)))
    (i32.const 768))
