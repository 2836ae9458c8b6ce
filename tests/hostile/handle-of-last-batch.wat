;; Asks the batch before, once there is a second one. expect: ok: guest; last: trap: unknown handle index
  (import "watchfire:detector/batches@0.1.0" "[method]batch.block-number" (func $number (param i32) (result i64)))
  ;;; given-back
  (func $given-back (param $batch i32) (result i32)
    (call $drop (local.get $batch))
    ;; Handles are numbered from 1, and this one is gone.
    (if (global.get $seen) (then (drop (call $number (global.get $seen)))))
    (global.set $seen (local.get $batch))
    (i32.const 768))
  ;;; end
  (global $seen (mut i32) (i32.const 0))
