;; Points past the end of its memory. expect: trap
  ;;; on-batch
  (func $on-batch (param i32) (result i32) (i32.const -4))
