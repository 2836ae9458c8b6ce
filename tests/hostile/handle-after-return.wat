;; Asks a batch that it has given back. expect: trap: unknown handle index
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-number" (func $number (param i32) (result i64)))
  ;;; given-back
  (func $given-back (param $batch i32) (result i32)
    (call $drop (local.get $batch))
    (drop (call $number (local.get $batch)))
    (i32.const 768))
