;; Never says what it is. expect: refused: longer than
  ;;; describe
  (func $describe (result i32) (loop $again (br $again)) (unreachable))
