;; Never gets going. expect: refused: longer than
  ;;; start
  (func $start (param i32 i32) (result i32) (loop $again (br $again)) (unreachable))
