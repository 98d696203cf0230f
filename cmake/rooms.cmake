# Headers that most files include are parsed once for the rooms and once for the tests. -DQNEXT_PCH=OFF shows
# whether every file includes what it uses.
set(QNEXT_COMMON_HEADERS <algorithm> <functional> <map> <memory> <span> <string> <vector> <fmt/format.h>
  <nlohmann/json.hpp>)

function(qnext_precompile target first)
  if(NOT QNEXT_PCH)
    return()
  endif()
  if(target STREQUAL first)
    list(TRANSFORM ARGN REPLACE "(.+)" "$<$<COMPILE_LANGUAGE:CXX>:\\1>" OUTPUT_VARIABLE headers)
    target_precompile_headers(${target} PRIVATE ${headers})
  else()
    target_precompile_headers(${target} REUSE_FROM ${first})
  endif()
endfunction()

# A room is a folder of src/: all its .cc files make one static library qnext_NAME.
# tools/check_layers holds the rooms to the includes that docs/architecture.md allows.
function(qnext_room name)
  cmake_parse_arguments(ROOM "OWN_FLAGS" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  add_library(qnext_${name} STATIC ${sources})
  target_include_directories(qnext_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  list(TRANSFORM ROOM_DEPS PREPEND qnext_)
  target_link_libraries(qnext_${name} PUBLIC ${ROOM_DEPS} ${ROOM_LIBS} PRIVATE qnext_flags)
  set_target_properties(qnext_${name} PROPERTIES LINKER_LANGUAGE CXX)
  if(NOT ROOM_OWN_FLAGS)
    qnext_precompile(qnext_${name} qnext_base ${QNEXT_COMMON_HEADERS})
  endif()
endfunction()

# The tests of a room: tests/NAME/*_test.cc make one executable NAME_test.
function(qnext_room_tests name)
  cmake_parse_arguments(ROOM "" "" "DEPS;LIBS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cc)
  if(NOT sources)
    return()
  endif()
  add_executable(${name}_test ${sources})
  list(TRANSFORM ROOM_DEPS PREPEND qnext_)
  target_link_libraries(${name}_test PRIVATE ${ROOM_DEPS} ${ROOM_LIBS} GTest::gtest_main qnext_flags)
  target_include_directories(${name}_test PRIVATE ${PROJECT_SOURCE_DIR}/tests)
  target_compile_definitions(${name}_test PRIVATE
    QNEXT_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data"
    QNEXT_NODE_MODULES="${PROJECT_SOURCE_DIR}/tests/oracles/node_modules"
    QNEXT_PROGRAM="$<TARGET_FILE_DIR:qnext>/qnext")
  qnext_precompile(${name}_test base_test ${QNEXT_COMMON_HEADERS} <gtest/gtest.h>)
  gtest_discover_tests(${name}_test DISCOVERY_TIMEOUT 60 PROPERTIES TIMEOUT 600)
endfunction()
