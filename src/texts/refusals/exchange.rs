//! Refusals 4xx: the rules of the exchange.

use super::pages;

pages! {
    DUPLICATE_DOCUMENT
    vi
        "Văn bản với DocumentId này đã được gửi trước đó với nội dung khác."
        "Cùng cơ quan gửi, cùng DocumentId, loại văn bản mới, nhưng nội dung tệp khác lần trước."
        "Sửa tệp đính kèm rồi gửi lại với BussinessDocType 0."
        "Dùng BussinessDocType 2 (cập nhật) hoặc 3 (thay thế), hoặc cấp DocumentId mới."
    en
        "A document with this DocumentId was sent before with other content."
        "Same sender, same DocumentId, kind new, but other bytes than before."
        "An attachment was corrected and sent again with BussinessDocType 0."
        "Use BussinessDocType 2 (update) or 3 (replace), or a new DocumentId.";
    UNKNOWN_DOCUMENT
    vi
        "Không tìm thấy văn bản với mã này."
        "DocId hoặc DocumentId được nêu chưa từng qua trục, hoặc đã quá hạn lưu."
        "getEdoc với DocId chép thiếu một ký tự."
        "Lấy lại mã từ danh sách văn bản đến hoặc đi."
    en
        "There is no document with this id."
        "The DocId or DocumentId named never came through here, or is past its retention."
        "getEdoc with a DocId that lost a character."
        "Take the id from the list of received or sent documents.";
    RECALL_OF_UNKNOWN
    vi
        "Không tìm thấy văn bản cần thu hồi."
        "Yêu cầu thu hồi, cập nhật hoặc thay thế nêu một DocumentId mà cơ quan này chưa gửi."
        "Thu hồi 900/VPCP-KSTT trong khi văn bản đã gửi là 901/VPCP-KSTT."
        "Ghi đúng DocumentId của văn bản đã gửi."
    en
        "The document to be recalled is unknown."
        "A recall, update or replacement names a DocumentId that this agency never sent."
        "A recall of 900/VPCP-KSTT where 901/VPCP-KSTT was sent."
        "Name the DocumentId of a document that was sent.";
    BAD_TRANSITION
    vi
        "Trạng thái mới không thể theo sau trạng thái hiện tại."
        "Ở chế độ chặt, trạng thái không được lùi, và không gì theo sau trạng thái cuối."
        "Gửi 03 (đã tiếp nhận) sau 02 (từ chối tiếp nhận)."
        "Xem lịch sử trạng thái của văn bản; gửi trạng thái tiếp theo."
    en
        "The new status cannot follow the current one."
        "In strict mode a status never goes back, and nothing follows a final one."
        "03 (accepted) is sent after 02 (refused)."
        "Look at the document's history and send a status that comes next.";
    UNKNOWN_STATUS
    vi
        "Mã trạng thái không có trong danh mục."
        "Danh mục gồm 01–06, 13, 15 và 16."
        "StatusCode là 07."
        "Dùng một mã trong danh mục."
    en
        "The status code is not in the list."
        "The list is 01–06, 13, 15 and 16."
        "StatusCode is 07."
        "Use a code of the list.";
    STATUS_REASON_MISSING
    vi
        "Thiếu lý do cho trạng thái này."
        "Nơi nhận từ chối phải nêu lý do (QĐ 28/2018/QĐ-TTg Điều 5); yêu cầu lấy lại và từ chối \
         lấy lại cũng vậy."
        "StatusCode 02 với Description rỗng."
        "Ghi lý do vào Description."
    en
        "This status needs a reason."
        "A receiver that refuses must say why (QĐ 28/2018/QĐ-TTg Art. 5); so must a recall and \
         its refusal."
        "StatusCode 02 with an empty Description."
        "Write the reason into Description.";
    PARAMETER_MISSING
    vi
        "Thiếu một tham số của thao tác."
        "Tiêu đề hoặc tham số đã nêu không có trong yêu cầu."
        "getEdoc không có docId."
        "Thêm tham số đã nêu."
    en
        "A parameter of the operation is missing."
        "The header or parameter named is not in the request."
        "getEdoc without docId."
        "Add the parameter named.";
    PARAMETER_INVALID
    vi
        "Giá trị của một tham số không hợp lệ."
        "Tham số đã nêu sai định dạng, ngoài danh mục, hoặc không hợp với tệp gửi kèm."
        "messagetype=edoc nhưng tệp là thông báo trạng thái."
        "Sửa tham số theo phần chi tiết."
    en
        "A parameter has an invalid value."
        "The parameter named has a wrong format, is not in its list, or does not fit the file."
        "messagetype=edoc, and the file is a status message."
        "Correct the parameter by the detail.";
    CONTENT_DESTROYED
    vi
        "Văn bản đã được thu hồi và nội dung đã bị hủy."
        "Nơi nhận đồng ý thu hồi nên nội dung bị hủy theo QĐ 28/2018/QĐ-TTg Điều 9; chỉ còn \
         thông tin mô tả."
        "getEdoc với văn bản đã có trạng thái 15."
        "Liên hệ cơ quan gửi nếu vẫn cần văn bản."
    en
        "The document was recalled and its content destroyed."
        "The receiver agreed to the recall, so the content is gone (QĐ 28/2018/QĐ-TTg Art. 9); \
         its description remains."
        "getEdoc for a document with status 15."
        "Ask the sender if the document is still needed.";
    INBOX_EXPIRED
    vi
        "Văn bản đã quá hạn lưu trong hộp thư đến."
        "Không hệ thống nào lấy văn bản trong inbox_days_max ngày; nơi gửi đã được báo."
        "Phần mềm của nơi nhận ngừng hoạt động ba tháng."
        "Đề nghị nơi gửi gửi lại; lấy hộp thư thường xuyên."
    en
        "The document was in the inbox for too long."
        "Nobody fetched it within inbox_days_max days; its sender was told."
        "The receiver's software was down for three months."
        "Ask the sender to send it again; fetch the inbox regularly.";
    UNKNOWN_OPERATION
    vi
        "Thao tác này không tồn tại."
        "Đường dẫn không khớp với thao tác nào của cổng này."
        "POST /sendEdocs thay vì /sendEdoc."
        "Kiểm tra tên thao tác và cổng."
    en
        "There is no such operation."
        "The path matches no operation of this port."
        "POST /sendEdocs instead of /sendEdoc."
        "Check the operation's name and the port.";
}
