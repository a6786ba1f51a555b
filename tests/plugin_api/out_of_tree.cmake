# Builds copies of examples/hello-plugin and -c outside of this tree, with the checkout or with an installation of the
# component sluice-dev. Checks the settings that the package adds to the build.
set(scratch ${SCRATCH}/${WAY})
file(REMOVE_RECURSE ${scratch})
file(COPY ${SOURCE}/examples/hello-plugin ${SOURCE}/examples/hello-plugin-c DESTINATION ${scratch})

function(run)
  execute_process(COMMAND ${ARGN} RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result)
    message(FATAL_ERROR "${ARGN}: ${result}\n${output}")
  endif()
endfunction()

if(WAY STREQUAL "installed")
  run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${SOURCE}/plugin-api -B ${scratch}/api)
  run(${CMAKE_COMMAND} --install ${scratch}/api --prefix ${scratch}/prefix)
  set(where -DCMAKE_PREFIX_PATH=${scratch}/prefix)
  if(NOT EXISTS ${scratch}/prefix/share/doc/sluice-dev/docs/plugin-authors.md)
    message(FATAL_ERROR "docs/plugin-authors.md is not installed")
  endif()
else()
  set(where -DSluice_DIR=${SOURCE}/plugin-api/cmake)
endif()
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${scratch}/hello-plugin -B ${scratch}/build -DCMAKE_CXX_COMPILER=${CXX} -DBUILD_TESTING=OFF
    ${where})
run(${CMAKE_COMMAND} --build ${scratch}/build)
if(NOT EXISTS ${scratch}/build/hello.so)
  message(FATAL_ERROR "no ${scratch}/build/hello.so")
endif()

# compile_commands.json is written, and a function without its return does not build.
file(READ ${scratch}/build/compile_commands.json commands)
string(FIND "${commands}" "hello.cpp" found)
if(found EQUAL -1)
  message(FATAL_ERROR "compile_commands.json does not name hello.cpp:\n${commands}")
endif()
file(APPEND ${scratch}/hello-plugin/hello.cpp "int forgetful() {}\n")
execute_process(COMMAND ${CMAKE_COMMAND} --build ${scratch}/build RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
if(result EQUAL 0 OR NOT output MATCHES "error: [^\n]*return")
  message(FATAL_ERROR "a function without its return builds:\n${output}")
endif()

# In C, code that would compile with a warning and crash when it runs does not build either.
function(expect_error source words)
  configure_file(${SOURCE}/examples/hello-plugin-c/hello.c ${scratch}/hello-plugin-c/hello.c COPYONLY)
  file(APPEND ${scratch}/hello-plugin-c/hello.c "${source}\n")
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${scratch}/build-c --target hello-c
                  RESULT_VARIABLE result OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(result EQUAL 0 OR NOT output MATCHES "error: [^\n]*${words}")
    message(FATAL_ERROR "this builds, or fails for another reason than '${words}': ${source}\n${output}")
  endif()
endfunction()
run(${CMAKE_COMMAND} -G ${GENERATOR} -S ${scratch}/hello-plugin-c -B ${scratch}/build-c -DCMAKE_C_COMPILER=${CC} -DBUILD_TESTING=OFF
    ${where})
run(${CMAKE_COMMAND} --build ${scratch}/build-c)
expect_error("static int32_t two(void* self, const sluice_job* job) { return self == job; }
const sluice_job_type with_two = {.handle = two};" "incompatible")
expect_error("int undeclared(void) { return getpid(); }" "implicit")
expect_error("char* number(void) { return 5; }" "integer")

# The author's own setting takes precedence.
file(REMOVE ${scratch}/build/compile_commands.json)
run(${CMAKE_COMMAND} ${scratch}/build -DCMAKE_EXPORT_COMPILE_COMMANDS=OFF)
if(EXISTS ${scratch}/build/compile_commands.json)
  message(FATAL_ERROR "compile_commands.json is written though CMAKE_EXPORT_COMPILE_COMMANDS is off")
endif()
