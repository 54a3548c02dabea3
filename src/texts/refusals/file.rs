//! Refusals 2xx: the file.

use super::pages;

pages! {
    EMPTY
    vi
        "Tệp gửi lên không có nội dung."
        "Thân yêu cầu dài 0 byte hoặc chỉ gồm khoảng trắng."
        "Máy khách mở nhầm tệp tạm chưa ghi xong."
        "Kiểm tra tệp trước khi gửi; gửi lại khi tệp có đủ nội dung."
    en
        "The file is empty."
        "The body has no bytes, or nothing but blanks."
        "The client opened a temporary file that was not written yet."
        "Check the file before sending, and send again when it is complete.";
    TOO_LARGE
    vi
        "Tệp vượt quá giới hạn của trục."
        "Kích thước tệp, hoặc số phần tử XML trong tệp, lớn hơn giới hạn cấu hình."
        "Tệp 80 MB trong khi giới hạn là 64 MB."
        "Nén hoặc tách tệp đính kèm; hoặc đề nghị đơn vị vận hành nâng giới hạn body_bytes_max."
    en
        "The file is larger than the platform allows."
        "The size of the file, or the number of XML elements in it, is above the configured limit."
        "A file of 80 MB where 64 MB are allowed."
        "Compress or split the attachments, or ask the operator to raise body_bytes_max.";
    HASH_DIFFERS
    vi
        "Mã băm gửi kèm không khớp với tệp nhận được."
        "SHA-256 của tệp khác giá trị hash-file; tệp đã bị sửa hoặc cắt trên đường truyền."
        "Một proxy đổi dấu xuống dòng của tệp."
        "Gửi lại; nếu còn lỗi, tìm thiết bị trung gian sửa nội dung."
    en
        "The hash that came along does not match the file."
        "The file's SHA-256 differs from hash-file: it was changed or cut on its way."
        "A proxy rewrote the file's line endings."
        "Send it again; if it fails again, look for what changes content in between.";
    NOT_UTF8
    vi
        "Tệp không phải UTF-8."
        "TCVN 6909:2001 yêu cầu UTF-8; tệp chứa byte không hợp lệ, là UTF-16, hoặc khai báo bảng \
         mã khác."
        "Tệp lưu bằng bảng mã TCVN3 hoặc Windows-1258."
        "Lưu lại tệp bằng UTF-8 và khai báo encoding=\"UTF-8\"."
    en
        "The file is not UTF-8."
        "TCVN 6909:2001 asks for UTF-8; the file holds invalid bytes, is UTF-16, or declares \
         another encoding."
        "A file saved in TCVN3 or Windows-1258."
        "Save the file as UTF-8 and declare encoding=\"UTF-8\".";
    MALFORMED
    vi
        "Tệp XML sai cú pháp."
        "Thẻ không khớp, ký tự & không được thay bằng &amp;, có ký tự lạ trước thẻ gốc, hoặc lỗi \
         cú pháp khác tại dòng và cột đã nêu."
        "<Subject>Nông nghiệp & môi trường</Subject>"
        "Sửa tại dòng và cột đã nêu; tạo tệp bằng thư viện XML thay vì ghép chuỗi."
    en
        "The file is not well-formed XML."
        "Tags do not match, an & is not written as &amp;, bytes stand before the root, or \
         another fault of syntax at the line and column named."
        "<Subject>Agriculture & environment</Subject>"
        "Correct it at that line and column; build files with an XML library instead of joining \
         strings.";
    TRUNCATED
    vi
        "Tệp bị cắt cụt."
        "Tệp kết thúc khi còn thẻ chưa đóng."
        "Kết nối đứt giữa chừng và máy khách ghi lại phần đã nhận."
        "Gửi lại tệp đầy đủ; so sánh kích thước với tệp gốc."
    en
        "The file is cut off."
        "The file ends while elements are still open."
        "The connection broke and the client stored what had come so far."
        "Send the whole file again; compare its size with the original.";
    TOO_DEEP
    vi
        "Các phần tử XML lồng nhau quá sâu."
        "Số phần tử đang mở vượt giới hạn; edXML chỉ cần 8 tầng."
        "Tệp có hàng nghìn thẻ <a> lồng nhau."
        "Kiểm tra chương trình tạo tệp; văn bản edXML đúng không bao giờ sâu như vậy."
    en
        "The XML elements are nested too deeply."
        "More elements are open than the limit allows; edXML itself needs 8."
        "A file with thousands of nested <a> elements."
        "Check the program that made the file; no proper edXML is that deep.";
    DOCTYPE_FORBIDDEN
    vi
        "Tệp có khai báo DOCTYPE, điều không được phép."
        "DTD và thực thể có thể dùng để tấn công (XXE, bom thực thể) nên bị từ chối trước khi đọc."
        "<!DOCTYPE edXML SYSTEM \"file:///etc/passwd\">"
        "Bỏ khai báo DOCTYPE và mọi thực thể tự định nghĩa khỏi tệp."
    en
        "The file holds a DOCTYPE, which is not allowed."
        "DTDs and entities serve attacks (XXE, entity bombs), so they are refused before being \
         read."
        "<!DOCTYPE edXML SYSTEM \"file:///etc/passwd\">"
        "Remove the DOCTYPE and all entities of your own from the file.";
    NOT_EDXML
    vi
        "Tệp không phải edXML theo QCVN 102:2016/BTTTT."
        "Thẻ gốc không phải edXML, hoặc (ở chế độ chặt) không gian tên khác với quy chuẩn hay \
         tiền tố chưa khai báo."
        "Thẻ gốc là <invoice>, hoặc tệp gửi lên là .zip hay .pdf."
        "Gửi tệp edXML; khai báo xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\"."
    en
        "The file is not edXML of QCVN 102:2016/BTTTT."
        "The root element is not edXML, or (strict mode) the namespace is another one or a \
         prefix is not bound."
        "The root is <invoice>, or the file is a .zip or .pdf."
        "Send an edXML file; declare xmlns=\"http://www.mic.gov.vn/TBT/QCVN_102_2016\".";
    FIELD_MISSING
    vi
        "Thiếu một trường bắt buộc."
        "Phần tử đã nêu không có hoặc rỗng, trong khi quy chuẩn yêu cầu."
        "<Subject/> trong MessageHeader."
        "Điền giá trị cho phần tử đã nêu rồi gửi lại."
    en
        "A required field is missing."
        "The element named is absent or empty, and the standard requires it."
        "<Subject/> in MessageHeader."
        "Give the element named a value and send again.";
    FIELD_INVALID
    vi
        "Giá trị của một trường không hợp lệ."
        "Trường đã nêu sai định dạng, quá dài, nằm ngoài danh mục, hoặc xuất hiện hai lần với \
         giá trị khác nhau."
        "PromulgationDate là 20.05.2024; quy chuẩn dùng yyyy/MM/dd."
        "Sửa theo giá trị hoặc giới hạn trong phần chi tiết."
    en
        "A field has an invalid value."
        "The field named has a wrong format, is too long, is not in its code list, or stands \
         twice with different values."
        "PromulgationDate is 20.05.2024; the standard writes yyyy/MM/dd."
        "Correct it by the value or limit in the detail.";
    MANIFEST_DIFFERS
    vi
        "Danh mục đính kèm không khớp với các tệp đính kèm."
        "ContentId trong edXMLManifest và trong AttachmentEncoded phải là cùng một tập hợp; một \
         mã bị thiếu, thừa hoặc lặp."
        "Manifest ghi cid:2 nhưng chỉ có Attachment cid:1."
        "Ghi mỗi tệp đúng một lần ở cả hai nơi với cùng ContentId."
    en
        "The manifest and the attachments do not match."
        "The ContentIds of edXMLManifest and of AttachmentEncoded must be one set; an id is \
         missing, extra or repeated."
        "The manifest names cid:2, and there is only Attachment cid:1."
        "Name each file once in both places with the same ContentId.";
    STATE_SECRET
    vi
        "Văn bản có dấu hiệu chứa bí mật nhà nước nên không được gửi qua trục."
        "Người gửi khai có bí mật, hoặc trường đã nêu mang dấu Mật, Tối mật, Tuyệt mật. QĐ \
         28/2018/QĐ-TTg Điều 1 loại trừ văn bản mật."
        "Trích yếu bắt đầu bằng dấu độ mật trong ngoặc vuông."
        "Gửi theo quy định của Luật Bảo vệ bí mật nhà nước; tuyệt đối không bỏ dấu mật để gửi \
         qua trục."
    en
        "The document seems to hold a state secret and must not pass."
        "The sender declared a secret, or the field named carries a mark Mật, Tối mật or Tuyệt \
         mật. QĐ 28/2018/QĐ-TTg Art. 1 excludes such documents."
        "A subject that begins with a secrecy mark in brackets."
        "Send it as the Law on the protection of state secrets says; never remove the mark to \
         get it through.";
    DECLARATION_MISSING
    vi
        "Cần khai báo rằng văn bản không chứa bí mật nhà nước."
        "Cấu hình yêu cầu khai báo, hoặc trường đã nêu có từ giống dấu độ mật mà trục không tự \
         quyết định được."
        "Trích yếu: V/v xử lý văn bản mật của ngành."
        "Nếu văn bản không chứa bí mật, gửi lại kèm khai báo; nếu có, không gửi qua trục."
    en
        "A declaration is needed that the document holds no state secret."
        "The configuration asks for one, or the field named has a word like a secrecy mark that \
         the platform cannot judge."
        "Subject: on the handling of classified papers in the sector."
        "If there is no secret in it, send again with the declaration; if there is, do not send \
         it here.";
    SIGNATURE_REFUSED
    vi
        "Chữ ký số của tệp không được chấp nhận."
        "Chữ ký không còn khớp với nội dung, hoặc không có tổ chức chứng thực tin cậy nào bảo \
         đảm cho chứng thư."
        "Một hệ thống trung gian ghi lại tệp XML sau khi ký."
        "Ký lại tệp sau lần sửa cuối cùng, bằng chứng thư do tổ chức tin cậy cấp."
    en
        "The file's digital signature is not accepted."
        "The signature no longer matches the content, or no trusted authority vouches for the \
         certificate."
        "A system in between wrote the XML anew after it was signed."
        "Sign again after the last change, with a certificate of a trusted authority.";
    FUTURE_DATE
    vi
        "Ngày ban hành ở tương lai."
        "PromulgationDate sau ngày hôm nay theo giờ Việt Nam."
        "Hôm nay 21/5/2024, PromulgationDate là 2024/05/22."
        "Sửa ngày ban hành; kiểm tra đồng hồ của máy gửi (QĐ 28/2018 Điều 14)."
    en
        "The date of promulgation lies in the future."
        "PromulgationDate is after today in Vietnam time."
        "Today is 21 May 2024 and PromulgationDate is 2024/05/22."
        "Correct the date; check the clock of the sending machine (QĐ 28/2018 Art. 14).";
}
