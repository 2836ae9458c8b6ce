;; Gives its findings, and falls over when it takes its memory back. expect: trap: unreachable
  ;;; end
  (func $fall (param i32) (unreachable))
  (export "cabi_post_watchfire:detector/guest@0.1.0#on-batch" (func $fall))
