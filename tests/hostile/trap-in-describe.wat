;; Falls over when asked who it is. expect: refused: unreachable
  ;;; describe
  (func $describe (result i32) (unreachable))
